#include "binding/file.h"

#include <string.h>

#include <algorithm>
#include <vector>

#include "binding/arguments.h"
#include "binding/async.h"
#include "file/locks.h"
#include "file/publish.h"

namespace restat::binding {
namespace {

Napi::Value undefined(Napi::Env env, Unit&) {
  return env.Undefined();
}

template <typename Work>
Napi::Value run(const Napi::CallbackInfo& info, Work work) {
  return run_async<Unit>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work), undefined);
}

PublishOptions options_of(const Napi::Value& value) {
  PublishOptions options;
  if (!value.IsObject()) return options;
  auto object = value.As<Napi::Object>();
  if (object.Has("mode")) options.mode = static_cast<mode_t>(number_of(object.Get("mode")));
  if (object.Has("uid")) options.uid = static_cast<uid_t>(number_of(object.Get("uid")));
  if (object.Has("gid")) options.gid = static_cast<gid_t>(number_of(object.Get("gid")));
  options.replace = flag_of(object.Get("replace"));
  options.sync = flag_of(object.Get("sync"));
  return options;
}

// What a file is to hold, which may be a key.
class Content {
 public:
  explicit Content(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {
    // The registers that have copied a key file are used again for zeros: a thread that starts now gets a
    // copy of them, and puts that onto its stack when it first calls into a library.
    void* (*volatile copy)(void*, const void*, std::size_t) = std::memmove;
    const std::size_t size = std::min(bytes.size(), kKeyFile);
    std::vector<std::uint8_t> zeros(2 * size + 1);
    copy(zeros.data(), zeros.data() + size, size);
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  ~Content() { wipe(); }

  ByteView view() const { return bytes_; }
  void wipe() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

 private:
  // No key file is longer.
  static constexpr std::size_t kKeyFile = 64 * 1024;

  std::vector<std::uint8_t> bytes_;
};

Napi::Value publish(const Napi::CallbackInfo& info) {
  return run(info, [directory = string_of(info[0]), name = string_of(info[1]),
                    content = std::make_shared<Content>(bytes_of(info[2])), options = options_of(info[3])] {
    Status status = publish_file(directory, name, content->view(), options);
    // Before anybody learns that it is done.
    content->wipe();
    return status;
  });
}

Napi::Value rename_without_replacing(const Napi::CallbackInfo& info) {
  return run(info,
             [from = string_of(info[0]), to = string_of(info[1])] { return rename_exclusive(from, to); });
}

Napi::Value sync(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return misuse(info.Env(), "syncFilesystem: a descriptor is needed");
  return run(info, [fd = static_cast<int>(number_of(info[0])), path = string_of(info[1])] {
    return sync_filesystem(fd, path);
  });
}

Napi::Value unnamed(const Napi::CallbackInfo& info) {
  auto fd = open_unnamed(string_of(info[0]));
  if (fd.ok()) return Napi::Number::New(info.Env(), fd.value().release());
  to_exception(info.Env(), fd.error()).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value lock(const Napi::CallbackInfo& info) {
  const auto kind = string_of(info[1]) == "record" ? LockKind::kRecord : LockKind::kFlock;
  auto taken = try_lock(static_cast<int>(number_of(info[0])), kind, flag_of(info[2]));
  if (taken.ok()) return Napi::Boolean::New(info.Env(), taken.value());
  to_exception(info.Env(), taken.error()).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

}  // namespace

void export_file(Napi::Env env, Napi::Object exports) {
  exports.Set("publishFile", Napi::Function::New(env, publish));
  exports.Set("renameExclusive", Napi::Function::New(env, rename_without_replacing));
  exports.Set("syncFilesystem", Napi::Function::New(env, sync));
  exports.Set("openUnnamed", Napi::Function::New(env, unnamed));
  exports.Set("tryLock", Napi::Function::New(env, lock));
}

}  // namespace restat::binding
