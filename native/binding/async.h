// Promises that are settled from any thread, and the per-environment data of the addon.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

#include "base/engine.h"
#include "base/error.h"

namespace restat::binding {

// Turns an error into a JavaScript Error with `code`, `errno`, `syscall` and `path`.
Napi::Error to_exception(Napi::Env env, const Error& error);

class Environment;

// One promise. `resolve` or `reject` is called exactly once, from any thread, before the environment ends.
class Pending {
 public:
  // Makes the JavaScript value; runs on the JavaScript thread.
  using Settle = std::function<Napi::Value(Napi::Env)>;

  Napi::Promise promise() const { return deferred_.Promise(); }
  void resolve(Settle settle);
  void reject(Error error);

 private:
  friend class Environment;
  explicit Pending(Napi::Env env, Environment& environment)
      : environment_(environment), deferred_(Napi::Promise::Deferred::New(env)) {}
  void finish(Settle settle, bool rejected);
  void settle_on_js(Napi::Env env);

  Environment& environment_;
  Napi::Promise::Deferred deferred_;
  Settle settle_;
  bool rejected_ = false;
};

// Lives as long as its JavaScript environment (main thread or worker thread); created by
// `Environment::attach`.
class Environment {
 public:
  static Environment& of(Napi::Env env);
  static void attach(Napi::Env env);

  Engine& engine() { return *engine_; }
  // The promise object is owned by the environment until it is settled.
  Pending& pending(Napi::Env env);
  // The token of a call whose JavaScript side may hold `flag` (an external made by `cancelFlag()`, or
  // undefined).
  CancelToken token(const Napi::Value& flag) const;

 private:
  friend class Pending;
  static void call_js(napi_env env, napi_value function, void* context, void* data);
  static void on_cleanup(void* self);
  void deliver(Pending* pending);

  std::unique_ptr<Engine> engine_ = std::make_unique<Engine>();
  napi_threadsafe_function completions_ = nullptr;
  napi_env env_ = nullptr;
  unsigned waiting_ = 0;
};

// Runs `work` (() -> Result<T>) on `pool` and settles a promise with `convert` ((Napi::Env, T&) ->
// Napi::Value).
template <typename T, typename Work, typename Convert>
Napi::Value run_async(Napi::Env env, WorkerPool& pool, Work work, Convert convert) {
  Pending& pending = Environment::of(env).pending(env);
  Napi::Promise promise = pending.promise();
  pool.submit([&pending, work = std::move(work), convert = std::move(convert)]() mutable {
    Result<T> result = work();
    if (!result.ok()) return pending.reject(std::move(result.error()));
    auto value = std::make_shared<T>(std::move(result.value()));
    pending.resolve([value, convert = std::move(convert)](Napi::Env e) { return convert(e, *value); });
  });
  return promise;
}

// Settles `pending` with what a callback-style engine call hands over.
template <typename T, typename Convert>
std::function<void(Result<T>)> settle(Pending& pending, Convert convert) {
  return [&pending, convert](Result<T> result) {
    if (!result.ok()) return pending.reject(std::move(result.error()));
    auto value = std::make_shared<T>(std::move(result.value()));
    pending.resolve([value, convert](Napi::Env env) { return convert(env, *value); });
  };
}

Napi::Value make_cancel_flag(const Napi::CallbackInfo& info);
Napi::Value set_cancel_flag(const Napi::CallbackInfo& info);

}  // namespace restat::binding
