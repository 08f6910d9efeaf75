// The chunk engine: stores, ingest of streams, reads through an index.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>

#include "base/bytes.h"

namespace restat::binding {

void export_chunk(Napi::Env env, Napi::Object exports);

// A whole number from 0 to 2^53 - 1.
inline bool is_count(const Napi::Value& value) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  return number >= 0 && number <= 9007199254740991.0 && number == std::floor(number);
}

// A copy that JavaScript's collector knows the size of: memory lent to it would pile up unseen.
inline Napi::Value to_buffer(Napi::Env env, ByteView bytes) {
  return Napi::Buffer<std::uint8_t>::Copy(env, bytes.data(), bytes.size());
}

}  // namespace restat::binding
