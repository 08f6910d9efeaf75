// Whole-file publishing, locks, sync.
#pragma once

#include <napi.h>

namespace restat::binding {

void export_file(Napi::Env env, Napi::Object exports);

}  // namespace restat::binding
