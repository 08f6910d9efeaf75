// The cursor over the reference, as a JavaScript class.
#pragma once

#include <napi.h>

namespace restat::binding {

void export_detect(Napi::Env env, Napi::Object exports);

}  // namespace restat::binding
