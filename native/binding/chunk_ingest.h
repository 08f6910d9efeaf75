// `Ingest`: one archive stream on its way into a store.
#pragma once

#include <napi.h>

#include <memory>

#include "chunk/ingest.h"

namespace restat::binding {

class IngestWrap : public Napi::ObjectWrap<IngestWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit IngestWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value write(const Napi::CallbackInfo& info);
  Napi::Value write_batch(const Napi::CallbackInfo& info);
  Napi::Value write_mixed(const Napi::CallbackInfo& info);
  Napi::Value write_file(const Napi::CallbackInfo& info);
  Napi::Value write_range(const Napi::CallbackInfo& info);
  Napi::Value write_stream(const Napi::CallbackInfo& info);
  Napi::Value write_zeros(const Napi::CallbackInfo& info);
  Napi::Value inject(const Napi::CallbackInfo& info);
  Napi::Value finish(const Napi::CallbackInfo& info);
  Napi::Value pause(const Napi::CallbackInfo& info);
  Napi::Value resume(const Napi::CallbackInfo& info);
  Napi::Value abort(const Napi::CallbackInfo& info);
  Napi::Value progress(const Napi::CallbackInfo& info);
  Napi::Value position(const Napi::CallbackInfo& info);
  Napi::Value append(Napi::Env env, std::unique_ptr<Input> input);
  Napi::Value put_counted(Napi::Env env, std::unique_ptr<Input> input);

  std::shared_ptr<Ingest> ingest_;
};

}  // namespace restat::binding
