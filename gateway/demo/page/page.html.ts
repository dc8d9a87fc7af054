/**
 * The markup of the demo's page: one card for each endpoint. Every address is relative and every card has a plain link,
 * so that the page is of use without scripts as well.
 */

/** Runs first: relative addresses need the slash where the demo is mounted at `/name` and was opened as that. */
export const PAGE_HEAD_SCRIPT =
  "if (!location.pathname.endsWith('/')) location.replace(location.pathname + '/' + location.search + location.hash)"

const FLAME =
  "<svg class='flame' viewBox='0 0 32 32' aria-hidden='true'><path fill='#e4572e' d='M16 2c2 6 9 9 9 17a9 9 0 0 1-18 0c0-4 2-6 4-9 1 2 2 3 3 3 1-4 0-7 2-11z'/><path fill='#ffb627' d='M16 15c1 3 4 4 4 8a4 4 0 0 1-8 0c0-3 3-4 4-8z'/></svg>"

const ICON = FLAME.replace("class='flame' ", "xmlns='http://www.w3.org/2000/svg' ").replaceAll('#', '%23')

interface Card {
  readonly id: string
  readonly title: string
  readonly path: string
  /** What it lets one see, in a sentence. */
  readonly shows: string
  /** Controls; each button's `data-do` names an action of the script. */
  readonly controls: string
}

const button = (action: string, label: string, extra = '') =>
  `<button type="button" data-do="${action}"${extra}>${label}</button>`

const CARDS: readonly Card[] = [
  {
    id: 'json',
    title: 'JSON that may be cached',
    path: 'api/json',
    shows: 'Some KiB, fresh for 10 s. Ask twice: a cached answer has an Age and the same <code>answersMade</code>.',
    controls: button('fetch', 'Get'),
  },
  {
    id: 'time',
    title: 'Never stored',
    path: 'api/time',
    shows: 'The time of day with <code>no-store</code>: each answer comes from the origin.',
    controls: button('fetch', 'Get'),
  },
  {
    id: 'asset',
    title: 'An asset for ever',
    path: '{script}',
    shows: 'Its name holds a hash of its bytes, so it is <code>immutable</code>. Text is worth compressing.',
    controls: button('fetch', 'Get'),
  },
  {
    id: 'flaky',
    title: 'Flaky',
    path: 'flaky',
    shows: 'Fails every second time with 503. A gateway that retries hides it; without, you see both.',
    controls: button('flaky', 'Get 6 times'),
  },
  {
    id: 'slow',
    title: 'Slow',
    path: 'slow?ms=1500',
    shows: 'Thinks before it answers. Leave early and the gateway cancels the work at the origin.',
    controls: `<label>wait <input name="ms" type="number" min="0" max="30000" value="1500" size="6"> ms</label> ${button('slow', 'Get')} ${button('cancel', 'Leave early')}`,
  },
  {
    id: 'large',
    title: 'Large',
    path: 'large?mb=64',
    shows: 'Streamed as fast as you read it, never held in memory.',
    controls: `<label><input name="mb" type="number" min="1" max="1024" value="64" size="5"> MiB</label> ${button('large', 'Download')} ${button('cancel', 'Stop')}<progress max="1" value="0"></progress>`,
  },
  {
    id: 'range',
    title: 'Ranges',
    path: 'range',
    shows: 'A part of 10 MiB, as a video player asks for it when you seek: 206 and exactly these bytes.',
    controls: `${button('range', 'Get a random part')} ${button('range', 'Beyond the end', ' data-beyond="1"')}`,
  },
  {
    id: 'upload',
    title: 'Upload',
    path: 'upload',
    shows: 'Counted and hashed while it streams, kept nowhere. The digest is compared with your copy.',
    controls: `${button('upload', 'Send 4 MiB')} <label class="file">or a file <input name="file" type="file"></label>`,
  },
  {
    id: 'headers',
    title: 'What the app receives',
    path: 'headers',
    shows: 'Your request as it arrived behind the gateway: Host, Forwarded, Via and the rest.',
    controls: button('fetch', 'Get'),
  },
  {
    id: 'status',
    title: 'Any status',
    path: 'status/404',
    shows: 'Answers of the app pass through as they are; errors that the gateway made have a Proxy-Status.',
    controls: `<label>status <input name="status" type="number" min="200" max="599" value="404" size="4"></label> ${button('status', 'Get')}`,
  },
]

const LIVE = `<section class="card live" id="events">
<h2>Live events <span class="dot" data-dot></span></h2>
<p>One server-sent event a second. Even bars: nothing on the way holds them back.</p>
<div class="bars" data-bars aria-hidden="true"></div>
<p class="line" data-line>not connected</p>
<p>${button('events', 'Pause')} <a href="events">events</a></p>
</section>
<section class="card live" id="ws">
<h2>WebSocket echo <span class="dot" data-dot></span></h2>
<p>What you send comes back through the tunnel, with the time it took.</p>
<form data-form><input name="text" aria-label="message" value="hello, hearth" maxlength="500"><button>Send</button></form>
<ol class="log" data-log aria-live="polite"></ol>
</section>`

function renderCard(card: Card, script: string): string {
  const path = card.path.replace('{script}', script)
  return `<section class="card" id="${card.id}" data-path="${path}">
<h2>${card.title}</h2>
<p>${card.shows}</p>
<p class="controls">${card.controls}</p>
<p class="address"><a href="${path}">${path}</a></p>
<div class="result" role="status"></div>
</section>`
}

/** The whole document; `script` and `style` are relative addresses. */
export function renderPage({ script, style }: { script: string; style: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<script>${PAGE_HEAD_SCRIPT}</script>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Hearthgate demo</title>
<link rel="icon" href="data:image/svg+xml,${ICON}">
<link rel="stylesheet" href="${style}">
</head>
<body>
<header>
<h1>${FLAME} Hearthgate <span class="badge">demo</span></h1>
<p>This is not an app of yours: it is the small demo origin that comes with the gateway. Everything below travels
through the gateway and back. Press the buttons and see what it did on the way; then put a real app in its place
(<code>upstream:</code> in <code>gateway.yaml</code>).</p>
<p class="controls">${button('all', 'Try everything')} <span id="summary" role="status"></span></p>
</header>
<noscript><p class="card">Without scripts the links still work; the comparison is up to your eyes.</p></noscript>
<main>
${LIVE}
${CARDS.map(card => renderCard(card, script)).join('\n')}
</main>
<footer>Hearthgate demo origin. Nothing here is stored, and nothing is loaded from elsewhere.</footer>
<script src="${script}" defer></script>
</body>
</html>
`
}
