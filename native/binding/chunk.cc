#include "binding/chunk.h"

#include "binding/chunk_ingest.h"
#include "binding/chunk_reader.h"
#include "binding/chunk_receiver.h"
#include "binding/chunk_server.h"
#include "binding/chunk_store.h"
#include "binding/crypt.h"

namespace restat::binding {

void export_chunk(Napi::Env env, Napi::Object exports) {
  exports.Set("ChunkStore", ChunkStoreWrap::define(env));
  exports.Set("ChunkReceiver", ChunkReceiverWrap::define(env));
  exports.Set("Ingest", IngestWrap::define(env));
  exports.Set("CryptKey", CryptKeyWrap::define(env));
  exports.Set("ChunkReader", ChunkReaderWrap::define(env));
  exports.Set("ServerDigests", ServerDigestsWrap::define(env));
  exports.Set("UploadSink", UploadSinkWrap::define(env));
  exports.Set("DownloadLoader", DownloadLoaderWrap::define(env));
}

}  // namespace restat::binding
