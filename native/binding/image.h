// Images: open sources and where they have data.
#pragma once

#include <napi.h>

#include <memory>

#include "base/fd.h"

namespace restat::binding {

// The open file behind an external that `Tree.open`, `openImage` or `makePipe` gave; none after `compare` has
// closed it.
std::shared_ptr<Fd> file_of(const Napi::Value& value);

void export_image(Napi::Env env, Napi::Object exports);

}  // namespace restat::binding
