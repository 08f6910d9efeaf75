/** File systems that hold no files of their own (statfs magic numbers): never entered, refused as a root. pxar.md §7.1. */
const VIRTUAL: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x1cd1, // devpts
  0x42494e4d, // binfmt_misc
  0x62656570, // configfs
  0xde5e81e4, // efivarfs
  0x65735543, // fuse control
  0x958458f6, // hugetlbfs
  0x19800202, // mqueue
  0x6e667364, // nfsd
  0x6165676c, // pstore
  0x67596969, // rpc_pipefs
  0x73636673, // securityfs
  0xf97cff8c, // selinux
  0x43415d53, // smack
  0xcafe4a11, // bpf
  0x0187, // autofs
]);

export function isVirtualFileSystem(magic: number): boolean {
  return VIRTUAL.has(magic);
}
