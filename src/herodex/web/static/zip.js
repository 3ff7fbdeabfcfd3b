/** Reads ZIP archives: the list of files at once, each file when it is needed. */

import { ApiError } from "./api.js";
import { t, withHint } from "./strings.js";

/** Files of an archive; their list is read at once. */
const MAX_FILES = 5_000;
const MAX_LIST_BYTES = 4_000_000;
/** Unpacked sizes, so that a small archive cannot fill the memory or take for ever. */
const MAX_FILE_MB = 64;
const MAX_TOTAL_MB = 2_048;
const MB = 2 ** 20;

const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const LISTED = 0x02014b50;
const LISTED_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const ENCRYPTED = 0b1;
const UTF8 = 1 << 11;
const STORED = 0;
const DEFLATED = 8;

const UNPACK = t("zip.unpack");

/**
 * @param {File} file
 * @returns {Promise<{name: string, open: () => Promise<File>}[]>} the files in the archive, without folders
 */
export async function readArchive(file) {
  const end = await findEnd(file);
  const [count, bytes, start] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
  if (count === 0xffff || start === 0xffffffff) throw new ApiError(t("zip.too_large", { file: file.name }), UNPACK);
  if (count > MAX_FILES || bytes > MAX_LIST_BYTES) {
    throw new ApiError(t("zip.many_files", { file: file.name, count: MAX_FILES }), UNPACK);
  }
  const list = await viewOf(file, start, bytes);
  const entries = [];
  for (let at = 0; entries.length < count; ) {
    if (at + LISTED_BYTES > list.byteLength || list.getUint32(at, true) !== LISTED) throw damaged(file);
    const entry = readEntry(list, at);
    entries.push(entry);
    at = entry.next;
  }
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total > MAX_TOTAL_MB * MB) throw new ApiError(t("zip.unpacks", { file: file.name, size: MAX_TOTAL_MB / 1024 }), UNPACK);
  return entries
    .filter(({ name }) => !name.endsWith("/"))
    .map((entry) => ({ name: entry.name, open: () => unpack(file, entry) }));
}

/** Find the record at the end, which a comment may follow. */
async function findEnd(file) {
  const tail = await viewOf(file, Math.max(0, file.size - END_BYTES - MAX_COMMENT), END_BYTES + MAX_COMMENT);
  for (let at = tail.byteLength - END_BYTES; at >= 0; at -= 1) {
    const isEnd = tail.getUint32(at, true) === END && tail.getUint16(at + 20, true) === tail.byteLength - at - END_BYTES;
    if (isEnd) return new DataView(tail.buffer, at);
  }
  throw damaged(file);
}

function readEntry(list, at) {
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) => list.getUint16(at + place, true));
  const flags = list.getUint16(at + 8, true);
  const start = Math.min(at + LISTED_BYTES, list.byteLength);
  const name = new Uint8Array(list.buffer, start, Math.min(nameBytes, list.byteLength - start));
  return {
    name: decodeName(name, Boolean(flags & UTF8)),
    encrypted: Boolean(flags & ENCRYPTED),
    method: list.getUint16(at + 10, true),
    crc: list.getUint32(at + 16, true),
    packed: list.getUint32(at + 20, true),
    size: list.getUint32(at + 24, true),
    offset: list.getUint32(at + 42, true),
    next: at + LISTED_BYTES + nameBytes + extraBytes + commentBytes,
  };
}

/** Names without the flag are often UTF-8 all the same. */
function decodeName(bytes, utf8) {
  try {
    return new TextDecoder("utf-8", { fatal: !utf8 }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

async function unpack(file, { name, encrypted, method, crc, packed, size, offset }) {
  if (encrypted) throw new ApiError(t("zip.encrypted"), UNPACK);
  if (method !== STORED && method !== DEFLATED) throw new ApiError(t("zip.rare_method"), UNPACK);
  if (size > MAX_FILE_MB * MB) throw new ApiError(t("zip.file_unpacks", { size: MAX_FILE_MB }), UNPACK);
  const head = await viewOf(file, offset, LOCAL_BYTES);
  if (head.byteLength < LOCAL_BYTES || head.getUint32(0, true) !== LOCAL) throw damaged(file);
  const start = offset + LOCAL_BYTES + head.getUint16(26, true) + head.getUint16(28, true);
  const data = file.slice(start, start + packed);
  const stream = method === STORED ? data.stream() : data.stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const parts = await collect(stream, size, file);
  if (checksum(parts) !== crc) throw damaged(file);
  return new File(parts, name);
}

/** Read a stream of exactly `size` bytes; a longer one is left as soon as it is longer. */
async function collect(stream, size, file) {
  const reader = stream.getReader();
  const parts = [];
  let left = size;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      left -= part.value.length;
      if (left < 0) throw damaged(file);
      parts.push(part.value);
    }
  } catch {
    left = -1;
    reader.cancel().catch(() => {});
  }
  if (left) throw damaged(file);
  return parts;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function checksum(parts) {
  let crc = 0xffffffff;
  for (const part of parts) for (const byte of part) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

async function viewOf(file, start, bytes) {
  try {
    return new DataView(await file.slice(start, start + bytes).arrayBuffer());
  } catch {
    throw new ApiError(...withHint("error.unreadable_file"));
  }
}

function damaged({ name }) {
  return new ApiError(...withHint("zip.damaged", { file: name }));
}
