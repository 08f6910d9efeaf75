// `Extraction`: the restore engine as a JavaScript class.
#pragma once

#include <napi.h>

namespace restat::binding {

void export_extract(Napi::Env env, Napi::Object exports);

}  // namespace restat::binding
