#include "binding/extract.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/chunk_reader.h"
#include "extract/extraction.h"

namespace restat::binding {
namespace {

using extract::Extraction;
using extract::Options;

Napi::Value number(Napi::Env env, std::uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Value buffer(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

Options options_of(const Napi::Object& from) {
  Options options;
  options.target = string_of(from.Get("target"));
  const std::pair<const char*, bool*> flags[] = {
      {"overwriteFiles", &options.overwrite_files},
      {"overwriteSymlinks", &options.overwrite_symlinks},
      {"overwriteHardlinks", &options.overwrite_hardlinks},
      {"allowExistingDirs", &options.allow_existing_dirs},
      {"ignoreAcls", &options.ignore_acls},
      {"ignoreXattrs", &options.ignore_xattrs},
      {"ignoreOwnership", &options.ignore_ownership},
      {"ignorePermissions", &options.ignore_permissions},
      {"ignoreDeviceErrors", &options.ignore_device_errors},
      {"noSpecials", &options.no_specials},
      {"noSetuid", &options.no_setuid},
      {"strict", &options.strict},
  };
  for (const auto& [name, flag] : flags) *flag = flag_of(from.Get(name));
  return options;
}

Napi::Value to_summary(Napi::Env env, const extract::Summary& summary) {
  const std::pair<const char*, std::uint64_t> counters[] = {
      {"files", summary.files},         {"directories", summary.directories}, {"symlinks", summary.symlinks},
      {"hardlinks", summary.hardlinks}, {"specials", summary.specials},       {"skipped", summary.skipped},
      {"bytes", summary.bytes},         {"errors", summary.errors},           {"warnings", summary.warnings},
  };
  auto object = Napi::Object::New(env);
  for (const auto& [name, value] : counters) object.Set(name, number(env, value));
  return object;
}

Napi::Value to_event(Napi::Env env, const extract::Event& event) {
  const auto error = to_exception(env, event.error);
  auto object = Napi::Object::New(env);
  object.Set("severity", event.warning ? "warning" : "error");
  object.Set("path", buffer(env, event.path));
  object.Set("code", error.Get("code"));
  object.Set("message", error.Message());
  return object;
}

class ExtractionWrap : public Napi::ObjectWrap<ExtractionWrap> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Extraction",
        {InstanceMethod<&ExtractionWrap::submit>("submit"), InstanceMethod<&ExtractionWrap::finish>("finish"),
         InstanceMethod<&ExtractionWrap::abort>("abort"),
         InstanceMethod<&ExtractionWrap::take_events>("takeEvents"),
         InstanceMethod<&ExtractionWrap::progress>("progress")});
  }

  explicit ExtractionWrap(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto from = info[0].IsObject() ? info[0].As<Napi::Object>() : Napi::Object::New(info.Env());
    Options options = options_of(from);
    const auto given = from.Get("source");
    auto source = ChunkReaderWrap::source(given);
    if (options.target.empty() || options.target.find('\0') != std::string::npos) {
      misuse(info.Env(), "Extraction: a target directory is needed");
    } else if (!source && !given.IsUndefined()) {
      misuse(info.Env(), "Extraction: the source is no ChunkReader");
    } else {
      auto& environment = Environment::of(info.Env());
      extraction_ = Extraction::create(environment.engine(), std::move(options), std::move(source),
                                       environment.token(from.Get("cancel")));
    }
  }

 private:
  Napi::Value submit(const Napi::CallbackInfo& info) {
    if (!info[0].IsTypedArray()) return misuse(info.Env(), "submit: a buffer of records is needed");
    const auto bytes = bytes_of(info[0]);
    Pending& pending = Environment::of(info.Env()).pending(info.Env());
    const Napi::Promise promise = pending.promise();
    extraction_->submit({bytes.begin(), bytes.end()}, [&pending](Status status) {
      if (!status.ok()) return pending.reject(std::move(status.error()));
      pending.resolve([](Napi::Env env) { return env.Undefined(); });
    });
    return promise;
  }

  Napi::Value finish(const Napi::CallbackInfo& info) {
    Pending& pending = Environment::of(info.Env()).pending(info.Env());
    const Napi::Promise promise = pending.promise();
    extraction_->finish([&pending](Result<extract::Summary> summary) {
      if (!summary.ok()) return pending.reject(std::move(summary.error()));
      pending.resolve([value = summary.value()](Napi::Env env) { return to_summary(env, value); });
    });
    return promise;
  }

  Napi::Value abort(const Napi::CallbackInfo& info) {
    extraction_->abort();
    return info.Env().Undefined();
  }

  Napi::Value take_events(const Napi::CallbackInfo& info) {
    const auto events = extraction_->take_events();
    auto array = Napi::Array::New(info.Env(), events.size());
    for (std::uint32_t i = 0; i < events.size(); ++i) {
      Napi::HandleScope scope(info.Env());
      array.Set(i, to_event(info.Env(), events[i]));
    }
    return array;
  }

  Napi::Value progress(const Napi::CallbackInfo& info) {
    const auto now = extraction_->progress();
    auto object = Napi::Object::New(info.Env());
    object.Set("files", number(info.Env(), now.files));
    object.Set("bytes", number(info.Env(), now.bytes));
    object.Set("currentPath", buffer(info.Env(), now.path));
    return object;
  }

  std::shared_ptr<Extraction> extraction_;
};

}  // namespace

void export_extract(Napi::Env env, Napi::Object exports) {
  exports.Set("Extraction", ExtractionWrap::define(env));
}

}  // namespace restat::binding
