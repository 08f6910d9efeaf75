// Reads of JavaScript arguments. TypeScript declares the types; these only keep a wrong call from crashing.
#pragma once

#include <napi.h>

#include <cstring>
#include <vector>

#include "base/bytes.h"

namespace restat::binding {

inline ByteSpan bytes_of(const Napi::Value& value) {
  if (!value.IsTypedArray()) return {};
  auto array = value.As<Napi::TypedArray>();
  auto* data = static_cast<std::uint8_t*>(array.ArrayBuffer().Data());
  return {data + array.ByteOffset(), array.ByteLength()};
}

inline std::string string_of(const Napi::Value& value) {
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  const auto bytes = bytes_of(value);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::uint64_t number_of(const Napi::Value& value) {
  return value.IsNumber() ? static_cast<std::uint64_t>(value.As<Napi::Number>().Int64Value()) : 0;
}

inline bool flag_of(const Napi::Value& value) {
  return value.IsBoolean() && value.As<Napi::Boolean>().Value();
}

// The elements of a typed array; bytes that are no whole element are dropped.
template <typename T>
inline std::vector<T> copy_array(const Napi::Value& value) {
  const auto bytes = bytes_of(value);
  std::vector<T> out(bytes.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
  return out;
}

// Throws a TypeError that says what a call needs.
inline Napi::Value misuse(Napi::Env env, const char* what) {
  Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace restat::binding
