{
  "targets": [
    {
      "target_name": "restat",
      "sources": [
        "<!@(sed 's,^,native/,' native/sources.txt)",
        "<!@(sed 's,^,native/,' native/sources-binding.txt)"
      ],
      "include_dirs": [
        "native",
        "<!(node -p \"require('node-addon-api').include_dir\")"
      ],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_DEPRECATED", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags_cc!": ["-std=gnu++17", "-fno-rtti", "-std=gnu++20"],
      "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-pthread"],
      "libraries": ["<!(sh scripts/zstd-library.sh)"],
      "ldflags": ["-Wl,--exclude-libs,ALL", "-Wl,-z,relro,-z,now"]
    }
  ]
}
