// `ChunkReader`: a stream as its index and a local store give it.
#pragma once

#include <napi.h>

#include <memory>

#include "chunk/chunk_reader.h"

namespace restat::binding {

class ChunkReaderWrap : public Napi::ObjectWrap<ChunkReaderWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  // The chunks behind a ChunkReader, for calls that read by themselves; null if `value` is none.
  static std::shared_ptr<ChunkSource> source(const Napi::Value& value);

  explicit ChunkReaderWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);

  std::shared_ptr<ChunkReader> reader_;
};

}  // namespace restat::binding
