// What this processor offers beyond the baseline that the code is compiled for.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace restat {

struct CpuFeatures {
  bool clmul = false;  // PCLMULQDQ with SSE4.1
  bool sha = false;    // SHA-NI with SSE4.1 and SSSE3
};

inline CpuFeatures cpu_features() {
  CpuFeatures found;
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return found;
  const bool sse41 = (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
  found.clmul = sse41 && (c & bit_PCLMUL) != 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return found;
  found.sha = sse41 && (b & bit_SHA) != 0;
#endif
  return found;
}

}  // namespace restat
