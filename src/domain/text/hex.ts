const BYTES = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))

/** The eight hexadecimal digits of a number of 32 bits; `toString(16)` takes ten times as long. */
export function hex32(value: number): string {
  return byte(value >>> 24) + byte(value >>> 16) + byte(value >>> 8) + byte(value)
}

function byte(value: number): string {
  return BYTES[value & 0xff] ?? ''
}
