#include "binding/async.h"

#include <cstring>

namespace restat::binding {
namespace {

using FlagExternal = Napi::External<std::shared_ptr<CancelFlag>>;

// EACCES, ENOENT, …: the names that Node's own errors carry.
std::string errno_name(int number) {
  const char* name = strerrorname_np(number);
  return name != nullptr ? name : "E" + std::to_string(number);
}

}  // namespace

Napi::Error to_exception(Napi::Env env, const Error& error) {
  std::string code = error.number != 0 ? errno_name(error.number) : error.code;
  std::string message = error.message;
  if (error.number != 0) {
    message = code + ": " + strerror(error.number);
    if (!error.syscall.empty()) message += ", " + error.syscall;
    if (!error.path.empty()) message += " '" + error.path + "'";
  }
  Napi::Error exception = Napi::Error::New(env, message);
  exception.Set("code", code);
  if (error.number != 0) exception.Set("errno", Napi::Number::New(env, error.number));
  if (!error.syscall.empty()) exception.Set("syscall", error.syscall);
  // A path may hold any bytes; the exact ones stand in `pathBytes`.
  if (!error.path.empty()) {
    exception.Set("path", error.path);
    exception.Set("pathBytes", Napi::Buffer<char>::Copy(env, error.path.data(), error.path.size()));
  }
  return exception;
}

void Pending::finish(Settle settle, bool rejected) {
  settle_ = std::move(settle);
  rejected_ = rejected;
  environment_.deliver(this);
}

void Pending::resolve(Settle settle) {
  finish(std::move(settle), false);
}

void Pending::reject(Error error) {
  auto shared = std::make_shared<Error>(std::move(error));
  finish([shared](Napi::Env env) { return to_exception(env, *shared).Value(); }, true);
}

void Pending::settle_on_js(Napi::Env env) {
  Napi::HandleScope scope(env);
  Napi::Value value = settle_(env);
  if (env.IsExceptionPending()) {
    rejected_ = true;
    value = env.GetAndClearPendingException().Value();
  }
  if (rejected_) {
    deferred_.Reject(value);
  } else {
    deferred_.Resolve(value);
  }
}

Environment& Environment::of(Napi::Env env) {
  return *env.GetInstanceData<Environment>();
}

void Environment::attach(Napi::Env env) {
  auto* self = new Environment();
  self->env_ = env;
  env.SetInstanceData(self);
  napi_value name;
  napi_create_string_utf8(env, "restat", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, self, call_js,
                                  &self->completions_);
  napi_unref_threadsafe_function(env, self->completions_);
  // Hooks run in reverse order of registration: this one joins the workers while `completions_` still exists.
  napi_add_env_cleanup_hook(env, on_cleanup, self);
}

void Environment::on_cleanup(void* data) {
  auto* self = static_cast<Environment*>(data);
  self->engine_->stopping.set();
  self->engine_.reset();
}

Pending& Environment::pending(Napi::Env env) {
  if (waiting_++ == 0) napi_ref_threadsafe_function(env, completions_);
  return *new Pending(env, *this);
}

void Environment::deliver(Pending* pending) {
  if (napi_call_threadsafe_function(completions_, pending, napi_tsfn_nonblocking) != napi_ok) delete pending;
}

void Environment::call_js(napi_env env, napi_value, void* context, void* data) {
  std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  auto* self = static_cast<Environment*>(context);
  if (env == nullptr) return;
  pending->settle_on_js(Napi::Env(env));
  if (--self->waiting_ == 0) napi_unref_threadsafe_function(env, self->completions_);
}

CancelToken Environment::token(const Napi::Value& flag) const {
  std::shared_ptr<const CancelFlag> own;
  if (flag.IsExternal()) own = *flag.As<FlagExternal>().Data();
  return CancelToken(std::move(own), &engine_->stopping);
}

Napi::Value make_cancel_flag(const Napi::CallbackInfo& info) {
  auto* flag = new std::shared_ptr<CancelFlag>(std::make_shared<CancelFlag>());
  return FlagExternal::New(info.Env(), flag,
                           [](Napi::Env, std::shared_ptr<CancelFlag>* data) { delete data; });
}

Napi::Value set_cancel_flag(const Napi::CallbackInfo& info) {
  if (info[0].IsExternal()) (*info[0].As<FlagExternal>().Data())->set();
  return info.Env().Undefined();
}

}  // namespace restat::binding
