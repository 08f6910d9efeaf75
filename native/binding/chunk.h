// The chunk engine: stores, ingest of streams, reads through an index.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace restat::binding {

void export_chunk(Napi::Env env, Napi::Object exports);

// A whole number from 0 to 2^53 - 1.
inline bool is_count(const Napi::Value& value) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  return number >= 0 && number <= 9007199254740991.0 && number == std::floor(number);
}

// Hands the bytes over without a copy; the vector goes when the buffer is collected.
inline Napi::Value to_buffer(Napi::Env env, std::vector<std::uint8_t>& bytes) {
  // JavaScript takes memory without an address for memory that was given away.
  if (bytes.empty()) return Napi::Buffer<std::uint8_t>::New(env, 0);
  auto* owned = new std::vector<std::uint8_t>(std::move(bytes));
  return Napi::Buffer<std::uint8_t>::NewOrCopy(
      env, owned->data(), owned->size(),
      [](Napi::Env, std::uint8_t*, std::vector<std::uint8_t>* hint) { delete hint; }, owned);
}

}  // namespace restat::binding
