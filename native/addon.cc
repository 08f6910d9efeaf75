// The one list of everything that JavaScript can call.
#include <malloc.h>
#include <napi.h>

#include "binding/async.h"
#include "binding/chunk.h"
#include "binding/codec.h"
#include "binding/detect.h"
#include "binding/extract.h"
#include "binding/file.h"
#include "binding/image.h"
#include "binding/scan.h"

namespace {

constexpr int kMappedBlock = 512 * 1024;

Napi::Object init(Napi::Env env, Napi::Object exports) {
  using namespace restat::binding;
  // Large blocks go back to the system when they are freed: the threshold would rise with the first of them,
  // and records of large directories would stay in a heap that only shrinks at its end.
  mallopt(M_MMAP_THRESHOLD, kMappedBlock);
  Environment::attach(env);
  exports.Set("cancelFlag", Napi::Function::New(env, make_cancel_flag));
  exports.Set("cancel", Napi::Function::New(env, set_cancel_flag));
  export_chunk(env, exports);
  export_codec(env, exports);
  export_detect(env, exports);
  export_extract(env, exports);
  export_file(env, exports);
  export_image(env, exports);
  export_scan(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(restat, init)
