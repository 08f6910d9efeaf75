// `ServerDigests`, `UploadSink` and `DownloadLoader`: the chunks of a session with a server.
#pragma once

#include <napi.h>

#include <memory>

#include "chunk/download_loader.h"
#include "chunk/upload_sink.h"

namespace restat::binding {

class ServerDigestsWrap : public Napi::ObjectWrap<ServerDigestsWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  // Null if `value` is no ServerDigests.
  static std::shared_ptr<ServerDigests> digests(const Napi::Value& value);

  explicit ServerDigestsWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value add(const Napi::CallbackInfo& info);
  Napi::Value clear(const Napi::CallbackInfo& info);

  std::shared_ptr<ServerDigests> digests_ = std::make_shared<ServerDigests>();
};

class UploadSinkWrap : public Napi::ObjectWrap<UploadSinkWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  // Null if `value` is no UploadSink.
  static std::shared_ptr<ChunkSink> sink(const Napi::Value& value);

  explicit UploadSinkWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value next(const Napi::CallbackInfo& info);
  Napi::Value sent(const Napi::CallbackInfo& info);
  Napi::Value unsent(const Napi::CallbackInfo& info);
  Napi::Value end(const Napi::CallbackInfo& info);
  Napi::Value stop(const Napi::CallbackInfo& info);

  std::shared_ptr<UploadSink> sink_;
};

class DownloadLoaderWrap : public Napi::ObjectWrap<DownloadLoaderWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  // Null if `value` is no DownloadLoader.
  static std::shared_ptr<ChunkLoader> loader(const Napi::Value& value);

  explicit DownloadLoaderWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value next(const Napi::CallbackInfo& info);
  Napi::Value arrived(const Napi::CallbackInfo& info);
  Napi::Value fail(const Napi::CallbackInfo& info);
  Napi::Value stop(const Napi::CallbackInfo& info);

  std::shared_ptr<DownloadLoader> loader_;
};

}  // namespace restat::binding
