//! The image that holds a pod's network: one static program that waits forever, made here, so that no registry is
//! needed.
//!
//! The program is a few dozen bytes of machine code in a minimal ELF file: `loop { pause() }`.

/// What the image is called on a host.
pub(super) const IMAGE_REPOSITORY: &str = "kubarium/pause";
/// Its version.
pub(super) const IMAGE_TAG: &str = "1";
/// Both together.
pub(super) const IMAGE: &str = "kubarium/pause:1";

/// The path of the program in the image.
pub(super) const PROGRAM: &str = "/pause";

/// ELF header (64 bytes) and one program header (56 bytes) come before the code.
const CODE_OFFSET: u64 = 64 + 56;

/// Where the file is mapped.
const BASE: u64 = 0x40_0000;

/// `mov eax, 34 (pause); syscall; jmp` back to the start.
const CODE_X86_64: [u8; 9] = [0xb8, 0x22, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xeb, 0xf7];

/// aarch64 has no `pause`; `ppoll(NULL, 0, NULL, NULL, 0)` waits the same: x0 to x4 = 0; x8 = 73; svc 0; back.
const CODE_AARCH64: [u32; 8] =
    [0xd280_0000, 0xd280_0001, 0xd280_0002, 0xd280_0003, 0xd280_0004, 0xd280_0928, 0xd400_0001, 0x17ff_fff9];

/// A tar file for `docker import`, for the architecture as Docker names it.
pub(super) fn image(architecture: &str) -> Result<Vec<u8>, String> {
    let program = match architecture {
        "amd64" | "x86_64" => elf(0x3e, &CODE_X86_64),
        "arm64" | "aarch64" => elf(0xb7, &CODE_AARCH64.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()),
        other => return Err(format!("hosts of the architecture {other} are not supported; amd64 and arm64 are")),
    };
    Ok(tar(PROGRAM.trim_start_matches('/'), &program))
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

/// A tar file (ustar) with one executable file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 512;
    let mut header = [0u8; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000555\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut file = header.to_vec();
    file.extend(content);
    // The content is filled up to a block; two empty blocks end the file.
    file.resize(file.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    file
}
