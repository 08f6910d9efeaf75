#include "binding/image.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/chunk.h"
#include "file/image.h"

namespace restat::binding {
namespace {

using File = Napi::External<std::shared_ptr<Fd>>;

File file_to_js(Napi::Env env, std::shared_ptr<Fd> fd) {
  return File::New(env, new std::shared_ptr<Fd>(std::move(fd)),
                   [](Napi::Env, std::shared_ptr<Fd>* data) { delete data; });
}

Napi::Number number(Napi::Env env, std::uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

const char* name_of(ImageKind kind) {
  switch (kind) {
    case ImageKind::file:
      return "file";
    case ImageKind::device:
      return "device";
    case ImageKind::stream:
      return "stream";
  }
  return "";
}

// A path, or a descriptor to be duplicated.
Napi::Value open(const Napi::CallbackInfo& info) {
  const bool by_number = is_count(info[0]);
  if (!by_number && string_of(info[0]).empty())
    return misuse(info.Env(), "openImage: a path or a descriptor is needed");
  auto work = [by_number, fd = static_cast<int>(number_of(info[0])), path = string_of(info[0])] {
    return by_number ? image_of(fd) : open_image(path);
  };
  return run_async<OpenImage>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
                              [](Napi::Env env, OpenImage& image) -> Napi::Value {
                                auto out = Napi::Object::New(env);
                                out.Set("file", file_to_js(env, image.fd));
                                out.Set("kind", name_of(image.kind));
                                out.Set("size", number(env, image.size));
                                return out;
                              });
}

Napi::Value size(const Napi::CallbackInfo& info) {
  const auto file = file_of(info[0]);
  if (!file) return misuse(info.Env(), "imageSize: an open file is needed");
  auto size = image_size(file->get());
  if (size.ok()) return number(info.Env(), size.value());
  to_exception(info.Env(), size.error()).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value data(const Napi::CallbackInfo& info) {
  const auto file = file_of(info[0]);
  if (!file || !is_count(info[1]) || !is_count(info[2]) || !is_count(info[3]) || number_of(info[3]) == 0)
    return misuse(info.Env(), "nextData: an open file, an offset, a size and a grain are needed");
  auto work = [file, from = number_of(info[1]), size = number_of(info[2]),
               grain = number_of(info[3])]() -> Result<ImageRange> {
    return next_data(file->get(), from, size, grain);
  };
  return run_async<ImageRange>(info.Env(), Environment::of(info.Env()).engine().io, std::move(work),
                               [](Napi::Env env, ImageRange& range) -> Napi::Value {
                                 auto out = Napi::Object::New(env);
                                 out.Set("start", number(env, range.start));
                                 out.Set("end", number(env, range.end));
                                 return out;
                               });
}

// The writing side is a number, which the caller closes.
Napi::Value pipe(const Napi::CallbackInfo& info) {
  auto pipe = make_pipe();
  if (!pipe.ok()) {
    to_exception(info.Env(), pipe.error()).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  auto out = Napi::Object::New(info.Env());
  out.Set("read", file_to_js(info.Env(), std::make_shared<Fd>(std::move(pipe.value().read))));
  out.Set("write", Napi::Number::New(info.Env(), pipe.value().write.release()));
  return out;
}

// Closes it when nobody uses it any more; a collector comes late.
Napi::Value close(const Napi::CallbackInfo& info) {
  if (info[0].IsExternal()) info[0].As<File>().Data()->reset();
  return info.Env().Undefined();
}

}  // namespace

std::shared_ptr<Fd> file_of(const Napi::Value& value) {
  return value.IsExternal() ? *value.As<File>().Data() : nullptr;
}

void export_image(Napi::Env env, Napi::Object exports) {
  exports.Set("openImage", Napi::Function::New(env, open));
  exports.Set("imageSize", Napi::Function::New(env, size));
  exports.Set("nextData", Napi::Function::New(env, data));
  exports.Set("makePipe", Napi::Function::New(env, pipe));
  exports.Set("closeImage", Napi::Function::New(env, close));
}

}  // namespace restat::binding
