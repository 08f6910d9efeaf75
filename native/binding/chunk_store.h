// `ChunkStore`: the chunks of a local datastore.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <string>

#include "chunk/chunk_store.h"

namespace restat::binding {

// Where chunks are, and how their files are written.
struct ChunkPlace {
  std::string path;
  ChunkFileOptions files;
};

// The options `path`, `sync`, `uid` and `gid`. Nothing, and a TypeError thrown, where one is wrong.
std::optional<ChunkPlace> chunk_place(Napi::Env env, const Napi::Object& options);

class ChunkStoreWrap : public Napi::ObjectWrap<ChunkStoreWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  // Null if `value` is no ChunkStore.
  static std::shared_ptr<ChunkStore> store(const Napi::Value& value);

  explicit ChunkStoreWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value add_known(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value probe(const Napi::CallbackInfo& info);

  std::shared_ptr<ChunkStore> store_;
};

}  // namespace restat::binding
