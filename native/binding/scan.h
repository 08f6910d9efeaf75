// The tree that a backup reads, as a JavaScript class.
#pragma once

#include <napi.h>

namespace restat::binding {

void export_scan(Napi::Env env, Napi::Object exports);

}  // namespace restat::binding
