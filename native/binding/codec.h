// Small synchronous calls: hashes, checksums, single frames.
#pragma once

#include <napi.h>

namespace restat::binding {

void export_codec(Napi::Env env, Napi::Object exports);

}  // namespace restat::binding
