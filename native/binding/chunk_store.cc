#include "binding/chunk_store.h"

#include <unistd.h>

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/chunk.h"
#include "binding/crypt.h"
#include "chunk/index_entries.h"

namespace restat::binding {
namespace {

constexpr napi_type_tag kTag{0x9a3f0d0c5b8e4c11, 0x8f2d6a7e4b1c9d02};

bool is_owner(const Napi::Value& value) {
  return value.IsNumber() && value.As<Napi::Number>().DoubleValue() >= 0 &&
         value.As<Napi::Number>().DoubleValue() < 4294967295.0;
}

}  // namespace

std::optional<ChunkPlace> chunk_place(Napi::Env env, const Napi::Object& options) {
  const std::string path = string_of(options.Get("path"));
  const std::string sync = string_of(options.Get("sync"));
  const char* problem = nullptr;
  if (path.empty() || path.find('\0') != std::string::npos) problem = "chunks: a path is needed";
  if (sync != "file" && sync != "none") problem = "chunks: sync is 'file' or 'none'";
  if (!is_owner(options.Get("uid")) || !is_owner(options.Get("gid")))
    problem = "chunks: uid and gid of new files are needed";
  if (problem != nullptr) {
    misuse(env, problem);
    return std::nullopt;
  }
  return ChunkPlace{path,
                    {.uid = static_cast<uid_t>(number_of(options.Get("uid"))),
                     .gid = static_cast<gid_t>(number_of(options.Get("gid"))),
                     .sync = sync == "file"}};
}

Napi::Function ChunkStoreWrap::define(Napi::Env env) {
  return DefineClass(
      env, "ChunkStore",
      {InstanceMethod<&ChunkStoreWrap::add_known>("register"), InstanceMethod<&ChunkStoreWrap::read>("read"),
       InstanceMethod<&ChunkStoreWrap::probe>("probe")});
}

std::shared_ptr<ChunkStore> ChunkStoreWrap::store(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) return nullptr;
  return Unwrap(value.As<Napi::Object>())->store_;
}

ChunkStoreWrap::ChunkStoreWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&kTag);
  const auto options = info[0].IsObject() ? info[0].As<Napi::Object>() : Napi::Object::New(info.Env());
  const auto place = chunk_place(info.Env(), options);
  if (!place) return;
  const auto idle = options.Get("idleBytes");
  auto key = CryptKeyWrap::key(options.Get("key"));
  if ((!idle.IsUndefined() && !is_count(idle)) || (!key && !options.Get("key").IsUndefined())) {
    misuse(info.Env(), "ChunkStore: idleBytes is a limit in bytes, key a CryptKey");
    return;
  }
  auto store =
      ChunkStore::open(place->path, place->files,
                       idle.IsUndefined() ? ChunkStore::kRestoreIdle : number_of(idle), std::move(key));
  if (store.ok()) {
    store_ = std::move(store.value());
  } else {
    to_exception(info.Env(), store.error()).ThrowAsJavaScriptException();
  }
}

Napi::Value ChunkStoreWrap::add_known(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) return misuse(info.Env(), "register: index entries are needed");
  if (Status added = store_->add_known(bytes_of(info[0])); !added.ok())
    to_exception(info.Env(), added.error()).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value ChunkStoreWrap::read(const Napi::CallbackInfo& info) {
  const auto bytes = bytes_of(info[0]);
  if (bytes.size() != sizeof(Digest)) return misuse(info.Env(), "read: a digest of 32 bytes is needed");
  auto work = [store = store_, digest = digest_of(bytes)] { return store->load({digest, std::nullopt}, {}); };
  return run_async<Buffer>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work), to_buffer);
}

// For each entry of an index 1 if its chunk has a file that is not empty, else 0.
Napi::Value ChunkStoreWrap::probe(const Napi::CallbackInfo& info) {
  const auto bytes = bytes_of(info[0]);
  if (!info[0].IsTypedArray() || bytes.size() % kIndexEntry != 0)
    return misuse(info.Env(), "probe: index entries are needed");
  auto& environment = Environment::of(info.Env());
  auto& pending = environment.pending(info.Env());
  const Napi::Value promise = pending.promise();
  probe_chunks(environment.engine(), store_, {bytes.begin(), bytes.end()},
               settle<std::vector<std::uint8_t>>(pending, to_buffer));
  return promise;
}

}  // namespace restat::binding
