#include "binding/chunk.h"

#include "binding/chunk_ingest.h"
#include "binding/chunk_reader.h"
#include "binding/chunk_store.h"

namespace restat::binding {

void export_chunk(Napi::Env env, Napi::Object exports) {
  exports.Set("ChunkStore", ChunkStoreWrap::define(env));
  exports.Set("Ingest", IngestWrap::define(env));
  exports.Set("ChunkReader", ChunkReaderWrap::define(env));
}

}  // namespace restat::binding
