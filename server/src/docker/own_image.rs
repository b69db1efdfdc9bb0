//! The image with our own programs, made here, so that no registry is needed.
//!
//! Each program is a few dozen bytes of machine code in a minimal ELF file, a few hundred at most: one waits forever and
//! so holds a pod's network, `loop { pause() }`; another writes what `statfs("/")` says, which tells how large the disk is
//! on which the engine keeps containers; the third connects to a port (see [`dial_program`]); the fourth renames a file
//! of a volume, which engines cannot.

use super::dial_program;
use super::tar::{Content, Entry, tar};

/// What the image is called on a host.
pub(super) const IMAGE_REPOSITORY: &str = "kubarium/pause";
/// Its version.
pub(super) const IMAGE_TAG: &str = "4";
/// Both together.
pub(super) const IMAGE: &str = "kubarium/pause:4";

/// The path of the program that waits.
pub(super) const PAUSE: &str = "/pause";

/// The path of the program that writes `struct statfs`, as the kernel lays it out.
pub(super) const STATFS: &str = "/statfs";

/// The path of the program that connects to a port.
pub(super) const DIAL: &str = "/dial";

/// The path of the program that renames its first argument to its second, in one moment. It ends with 0 where it did.
pub(super) const RENAME: &str = "/rename";

/// How long `struct statfs` is on 64-bit machines.
pub(super) const STATFS_BYTES: usize = 120;

/// ELF header (64 bytes) and one program header (56 bytes) come before the code.
const CODE_OFFSET: u64 = 64 + 56;

/// Where the file is mapped.
const BASE: u64 = 0x40_0000;

/// `mov eax, 34 (pause); syscall; jmp` back to the start.
const PAUSE_X86_64: [u8; 9] = [0xb8, 0x22, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xeb, 0xf7];

/// aarch64 has no `pause`; `ppoll(NULL, 0, NULL, NULL, 0)` waits the same: x0 to x4 = 0; x8 = 73; svc 0; back.
const PAUSE_AARCH64: [u32; 8] =
    [0xd280_0000, 0xd280_0001, 0xd280_0002, 0xd280_0003, 0xd280_0004, 0xd280_0928, 0xd400_0001, 0x17ff_fff9];

/// `statfs("/", stack)`, `write(1, stack, 120)`, `exit(0)`, and the path. Where statfs fails, the stack is still zero.
#[rustfmt::skip]
const STATFS_X86_64: [u8; 55] = [
    0x48, 0x8d, 0x3d, 0x2e, 0x00, 0x00, 0x00, // lea rdi, [rip + path]
    0x48, 0x81, 0xec, 0x80, 0x00, 0x00, 0x00, // sub rsp, 128
    0x48, 0x89, 0xe6,                         // mov rsi, rsp
    0xb8, 0x89, 0x00, 0x00, 0x00, 0x0f, 0x05, // mov eax, 137 (statfs); syscall
    0xbf, 0x01, 0x00, 0x00, 0x00,             // mov edi, 1
    0x48, 0x89, 0xe6,                         // mov rsi, rsp
    0xba, 0x78, 0x00, 0x00, 0x00,             // mov edx, 120
    0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05, // mov eax, 1 (write); syscall
    0x31, 0xff,                               // xor edi, edi
    0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05, // mov eax, 60 (exit); syscall
    b'/', 0x00,
];

/// The same: adr x0, path; sub sp, sp, 128; mov x1, sp; x8 = 43; svc 0; x0 = 1; mov x1, sp; x2 = 120; x8 = 64; svc 0;
/// x0 = 0; x8 = 93; svc 0; the path.
const STATFS_AARCH64: [u32; 14] = [
    0x1000_01a0,
    0xd102_03ff,
    0x9100_03e1,
    0xd280_0568,
    0xd400_0001,
    0xd280_0020,
    0x9100_03e1,
    0xd280_0f02,
    0xd280_0808,
    0xd400_0001,
    0xd280_0000,
    0xd280_0ba8,
    0xd400_0001,
    b'/' as u32,
];

/// `exit(rename(argv[1], argv[2]))`.
#[rustfmt::skip]
const RENAME_X86_64: [u8; 26] = [
    0x48, 0x8b, 0x7c, 0x24, 0x10,             // mov rdi, [rsp + 16]
    0x48, 0x8b, 0x74, 0x24, 0x18,             // mov rsi, [rsp + 24]
    0xb8, 0x52, 0x00, 0x00, 0x00, 0x0f, 0x05, // mov eax, 82 (rename); syscall
    0x89, 0xc7,                               // mov edi, eax
    0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05, // mov eax, 60 (exit); syscall
];

/// The same by `renameat`: x0 = x2 = `AT_FDCWD`; ldr x1, [sp, 16]; ldr x3, [sp, 24]; x8 = 38; svc 0; x8 = 93; svc 0.
const RENAME_AARCH64: [u32; 8] =
    [0x9280_0c60, 0xf940_0be1, 0x9280_0c62, 0xf940_0fe3, 0xd280_04c8, 0xd400_0001, 0xd280_0ba8, 0xd400_0001];

/// A tar file for `docker import`, for the architecture as Docker names it.
pub(super) fn image(architecture: &str) -> Result<Vec<u8>, String> {
    let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let (machine, codes) = match architecture {
        "amd64" | "x86_64" => (
            0x3e,
            [PAUSE_X86_64.to_vec(), STATFS_X86_64.to_vec(), dial_program::X86_64.to_vec(), RENAME_X86_64.to_vec()],
        ),
        "arm64" | "aarch64" => (
            0xb7,
            [bytes(&PAUSE_AARCH64), bytes(&STATFS_AARCH64), bytes(&dial_program::AARCH64), bytes(&RENAME_AARCH64)],
        ),
        other => return Err(format!("hosts of the architecture {other} are not supported; amd64 and arm64 are")),
    };
    let programs = codes.map(|code| elf(machine, &code));
    let entries = [PAUSE, STATFS, DIAL, RENAME].into_iter().zip(&programs);
    let entries: Vec<_> = entries
        .map(|(path, file)| Entry { path: path.to_owned(), mode: 0o555, group: 0, content: Content::File(file) })
        .collect();
    tar(&entries).map_err(|error| error.to_string())
}

fn elf(machine: u16, code: &[u8]) -> Vec<u8> {
    let size = CODE_OFFSET + code.len() as u64;
    let mut file = Vec::with_capacity(size as usize);
    // Identification: 64 bit, little endian, version 1, System V.
    file.extend([0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(2u16.to_le_bytes()); // an executable
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend((BASE + CODE_OFFSET).to_le_bytes()); // entry point
    file.extend(64u64.to_le_bytes()); // program headers follow at once
    file.extend(0u64.to_le_bytes()); // no section headers
    file.extend(0u32.to_le_bytes()); // flags
    for half in [64u16, 56, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes()); // sizes and counts of the headers
    }
    file.extend(1u32.to_le_bytes()); // load
    file.extend(5u32.to_le_bytes()); // readable, executable
    for word in [0, BASE, BASE, size, size, 0x1000] {
        file.extend(u64::to_le_bytes(word)); // offset, addresses, sizes, alignment
    }
    file.extend(code);
    file
}
