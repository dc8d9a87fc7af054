/**
 * The script of the demo's page, second half: the event stream and the WebSocket.
 */
export const LIVE_SCRIPT = `
const BARS = 30
const LOG_LINES = 20
let stream = null

function dot(card, state) {
  card.querySelector('[data-dot]').className = 'dot ' + state
}

function openEvents(card) {
  const bars = card.querySelector('[data-bars]')
  const line = card.querySelector('[data-line]')
  let previous = null
  stream = new EventSource('events')
  stream.onopen = () => dot(card, 'on')
  stream.onerror = () => {
    previous = null
    dot(card, 'off')
    line.textContent = 'connection lost, trying again …'
  }
  stream.onmessage = event => {
    const now = performance.now()
    const gap = previous === null ? 1000 : now - previous
    previous = now
    const bar = make('i', undefined, gap > 1250 || gap < 750 ? 'late' : '')
    bar.style.height = Math.min(100, gap / 20) + '%'
    bars.append(bar)
    while (bars.childElementCount > BARS) bars.firstChild.remove()
    line.textContent = 'event ' + JSON.parse(event.data).n + ', ' + Math.round(gap) + ' ms after the last'
  }
}

actions.events = (card, button) => {
  if (stream) {
    stream.close()
    stream = null
    dot(card, '')
  } else openEvents(card)
  button.textContent = stream ? 'Pause' : 'Go on'
}

function openSocket(card) {
  const url = new URL('ws', document.baseURI)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url.href)
  const log = card.querySelector('[data-log]')
  const sentAt = []
  const note = text => {
    log.prepend(make('li', text))
    while (log.childElementCount > LOG_LINES) log.lastChild.remove()
  }
  const send = text => {
    sentAt.push(performance.now())
    socket.send(text)
  }
  card.querySelector('[data-form]').onsubmit = event => {
    event.preventDefault()
    if (socket.readyState === WebSocket.OPEN) send(event.target.text.value)
    else note('not connected')
  }
  socket.onopen = () => {
    dot(card, 'on')
    send('hello from this page')
  }
  socket.onmessage = event => note('↩ ' + event.data + '  (' + (performance.now() - sentAt.shift()).toFixed(1) + ' ms)')
  socket.onclose = event => {
    dot(card, 'off')
    note('closed with ' + event.code + ', again in 3 s')
    setTimeout(() => openSocket(card), 3000)
  }
}

openEvents(document.getElementById('events'))
openSocket(document.getElementById('ws'))
`
