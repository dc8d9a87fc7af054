/** How the page talks to the gateway it came from. */

export class ApiError extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

export async function ask(path) {
  return read(await fetch(path, { headers: { accept: 'application/json' } }))
}

export async function post(path, body) {
  const headers = { 'content-type': 'application/json', 'x-hearthgate': '1' }
  return read(await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) }))
}

async function read(response) {
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  throw new ApiError(response.status, answer.error ?? `the gateway answered ${response.status}`)
}

/** Most samples that are kept, as in the gateway. */
const MAX_SAMPLES = 300

/** The live samples: those of the last minutes, then one a second. */
export class Samples extends EventTarget {
  all = []
  state = 'connecting'

  constructor(url) {
    super()
    const source = new EventSource(url)
    source.addEventListener('open', () => this.#enter('live'))
    source.addEventListener('error', () => this.#enter('lost'))
    source.addEventListener('history', ({ data }) => {
      this.all = JSON.parse(data)
      this.dispatchEvent(new Event('sample'))
    })
    source.addEventListener('message', ({ data }) => {
      this.all.push(JSON.parse(data))
      if (this.all.length > MAX_SAMPLES) this.all.shift()
      this.dispatchEvent(new Event('sample'))
    })
  }

  #enter(state) {
    this.state = state
    this.dispatchEvent(new Event('state'))
  }

  /** Sum of a number over the last seconds. */
  sum(key, seconds) {
    return this.all.slice(-seconds).reduce((total, sample) => total + (sample[key] ?? 0), 0)
  }
}
