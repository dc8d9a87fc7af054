/** The bodies that origins serve and loads send: the same bytes in every run, so that results can be compared. */

/** Bytes that no proxy can shrink by accident and no text decoder can pass unharmed: xorshift32 from a fixed seed. */
export function binaryBody(length: number): Buffer {
  const body = Buffer.allocUnsafe(length)
  let state = 0x9e3779b9
  for (let i = 0; i < length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    body[i] = state & 0xff
  }
  return body
}

/** A JSON object of exactly `length` bytes, at least 16. */
export function jsonBody(length: number): Buffer {
  return padded('{"text":"', 'home cloud ', '"}', length)
}

/** An HTML page of exactly `length` bytes, at least 64. */
export function pageBody(length: number): Buffer {
  return padded('<!doctype html><title>bench</title><p>', 'A page of a home app. ', '</p>', length)
}

function padded(head: string, filling: string, tail: string, length: number): Buffer {
  const room = length - head.length - tail.length
  return Buffer.from(head + filling.repeat(Math.ceil(room / filling.length)).slice(0, room) + tail)
}
