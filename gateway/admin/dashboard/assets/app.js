/** The shell of the dashboard: which page is shown, the live connection, the theme. */
import { Samples } from './api.js'
import { redrawCharts } from './charts.js'
import { h, icon } from './dom.js'
import { cache } from './pages/cache.js'
import { compression } from './pages/compression.js'
import { configuration } from './pages/configuration.js'
import { overview } from './pages/overview.js'
import { requests } from './pages/requests.js'
import { routes } from './pages/routes.js'
import { tuner } from './pages/tuner.js'

/** Each page is a function that fills `main` and returns what ends it. */
const pages = {
  overview: { title: 'Overview', open: overview, line: 'M3 13h4l3-8 4 14 3-6h4' },
  routes: { title: 'Routes', open: routes, line: 'M6 4v6a4 4 0 0 0 4 4h8m-4-4 4 4-4 4M6 20v-4' },
  requests: { title: 'Requests', open: requests, line: 'M4 6h16M4 12h16M4 18h10' },
  cache: {
    title: 'Cache',
    open: cache,
    line: 'M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zm0 0c0 4 16 4 16 0M4 12c0 4 16 4 16 0',
  },
  compression: {
    title: 'Compression',
    open: compression,
    line: 'M12 3v6m0 0 3-3m-3 3L9 6m3 15v-6m0 0 3 3m-3-3-3 3M4 12h16',
  },
  tuner: { title: 'Tuner', open: tuner, line: 'M5 4v8m0 4v4m7-16v3m0 4v9m7-16v9m0 4v3M3 14h4m3-5h4m3 6h4' },
  configuration: { title: 'Configuration', open: configuration, line: 'M7 4h7l4 4v12H7zM13 4v5h5M10 13h5m-5 3h5' },
}

const main = document.getElementById('page')
const nav = document.getElementById('nav')
const samples = new Samples('api/events')
let close = () => {}

for (const [name, { title, line }] of Object.entries(pages)) {
  nav.append(h('li', {}, h('a', { href: `#/${name}`, 'data-page': name }, icon(line), title)))
}

function show() {
  const [, name = 'overview', ...rest] = location.hash.split('/')
  const page = Object.hasOwn(pages, name) ? pages[name] : pages.overview
  close()
  main.replaceChildren()
  document.title = `${page.title} · Hearthgate`
  for (const link of nav.querySelectorAll('a')) {
    if (pages[link.dataset.page] === page) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  close = page.open(main, { samples, rest: rest.map(decodeURIComponent) })
}

addEventListener('hashchange', () => {
  show()
  main.focus({ preventScroll: true })
  scrollTo(0, 0)
})

const link = document.getElementById('link')
samples.addEventListener('state', () => {
  link.className = `link ${samples.state}`
  link.textContent = samples.state === 'live' ? 'live' : 'no connection'
})

const themes = ['system', 'light', 'dark']
const themeButton = document.getElementById('theme')
const darkSystem = matchMedia('(prefers-color-scheme: dark)')

function readTheme() {
  const stored = localStorage.getItem('theme')
  return themes.includes(stored) ? stored : 'system'
}

function applyTheme() {
  const theme = readTheme()
  const isDark = theme === 'dark' || (theme === 'system' && darkSystem.matches)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  themeButton.textContent = `Theme: ${theme}`
  redrawCharts()
}

themeButton.addEventListener('click', () => {
  localStorage.setItem('theme', themes[(themes.indexOf(readTheme()) + 1) % themes.length])
  applyTheme()
})
darkSystem.addEventListener('change', applyTheme)

applyTheme()
show()
