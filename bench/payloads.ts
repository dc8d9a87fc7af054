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

/** A JSON array of readings as apps send them, in bytes about `length`: no two alike, and text that shrinks as real ones do. */
export function readingsBody(length: number): Buffer {
  const rooms = ['kitchen', 'bath', 'attic', 'cellar', 'garden', 'garage', 'study']
  const kinds = ['temperature', 'humidity', 'power', 'window', 'light']
  const readings: object[] = []
  const noise = binaryBody(length)
  for (let bytes = 2, i = 0; bytes < length; i++) {
    const [a = 0, b = 0, c = 0, d = 0] = noise.subarray(4 * i, 4 * i + 4)
    const entity = `sensor.${rooms[a % rooms.length]}_${kinds[b % kinds.length]}`
    const changed = new Date(1_700_000_000_000 + i * 60_000 + c * 97 + d).toISOString()
    const reading = {
      entity,
      state: ((a * 256 + c) / 100).toFixed(2),
      unit: '°C',
      changed,
      context: { id: hex(noise, i) },
    }
    readings.push(reading)
    bytes += JSON.stringify(reading).length + 1
  }
  return Buffer.from(JSON.stringify(readings))
}

function hex(noise: Buffer, at: number): string {
  return noise.subarray(at * 3, at * 3 + 8).toString('hex')
}

/** An HTML page of exactly `length` bytes, at least 64. */
export function pageBody(length: number): Buffer {
  return padded('<!doctype html><title>bench</title><p>', 'A page of a home app. ', '</p>', length)
}

function padded(head: string, filling: string, tail: string, length: number): Buffer {
  const room = length - head.length - tail.length
  return Buffer.from(head + filling.repeat(Math.ceil(room / filling.length)).slice(0, room) + tail)
}
