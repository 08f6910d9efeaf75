// `ChunkReceiver`: chunks that clients of a server send.
#pragma once

#include <napi.h>

#include <memory>

#include "chunk/chunk_receiver.h"

namespace restat::binding {

class ChunkReceiverWrap : public Napi::ObjectWrap<ChunkReceiverWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit ChunkReceiverWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value insert(const Napi::CallbackInfo& info);
  Napi::Value touch(const Napi::CallbackInfo& info);

  std::shared_ptr<ChunkReceiver> receiver_;
};

}  // namespace restat::binding
