/**
 * The look of the demo's page: light and dark by the reader's setting, one column on a phone.
 */
export const STYLE = `:root {
  color-scheme: light dark;
  --back: #fbf6f0; --card: #fff; --ink: #2a211b; --soft: #6d5f55; --line: #eadfd3;
  --ember: #b8391a; --ember-ink: #fff; --good: #1d7a46; --warn: #9a6200; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #17120f; --card: #221b17; --ink: #f3e9e0; --soft: #b5a699; --line: #3a2f28;
    --ember: #ff8a5c; --ember-ink: #23120b; --good: #6fd39b; --warn: #f2c15f; --bad: #ff8f86;
  }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; max-width: 76rem; padding: 1.25rem; background: var(--back); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
h1 { display: flex; align-items: center; gap: .5rem; margin: .5rem 0; font-size: clamp(1.6rem, 5vw, 2.3rem); letter-spacing: -.02em }
h2 { margin: 0; font-size: 1.1rem; display: flex; align-items: center; gap: .5rem }
p { margin: .4rem 0 }
header > p { max-width: 46rem; color: var(--soft) }
.flame { width: 1.2em; height: 1.2em }
.badge {
  padding: .1em .5em; border-radius: .4em; background: var(--ember); color: var(--ember-ink);
  font-size: .45em; font-weight: 700; letter-spacing: .08em; text-transform: uppercase;
}
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1rem; margin: 1.25rem 0 }
.card {
  min-width: 0; padding: 1rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: .9rem;
  box-shadow: 0 1px 3px rgb(0 0 0 / .06);
}
.card > p { color: var(--soft); font-size: .93rem }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .6rem; min-height: 2.5rem }
button {
  min-height: 2.5rem; padding: .35rem .9rem; border: 0; border-radius: .6rem; background: var(--ember); color: var(--ember-ink);
  font: inherit; font-weight: 600; cursor: pointer;
}
button:hover { filter: brightness(1.08) }
button[data-do="cancel"] { background: transparent; color: var(--ember); box-shadow: inset 0 0 0 1.5px var(--ember) }
button:disabled { opacity: .5; cursor: progress }
:focus-visible { outline: 3px solid var(--warn); outline-offset: 2px }
a { color: var(--ember) }
.address { overflow-wrap: anywhere }
input { min-height: 2.5rem; padding: .3rem .5rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--back); color: inherit; font: inherit }
input[type=number] { width: 5.5rem }
input[type=file] { max-width: 100%; border: 0; padding-left: 0; background: none }
code, pre, .log, .line, dd { font-family: ui-monospace, monospace; font-size: .86rem }
progress { width: 100%; accent-color: var(--ember) }
.result:not(:empty) { margin-top: .6rem; padding-top: .6rem; border-top: 1px solid var(--line) }
.head { display: flex; flex-wrap: wrap; gap: .3rem .8rem; font-size: .93rem; font-variant-numeric: tabular-nums }
.good { color: var(--good); font-weight: 700 }
.warn { color: var(--warn); font-weight: 700 }
.bad { color: var(--bad); font-weight: 700 }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .1rem .7rem; margin: .4rem 0 0; font-size: .86rem }
dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere }
pre { max-height: 14rem; margin: .5rem 0 0; overflow: auto; padding: .6rem; border-radius: .5rem; background: var(--back) }
.dot { width: .7rem; height: .7rem; border-radius: 50%; background: var(--line) }
.dot.on { background: var(--good) }
.dot.off { background: var(--bad) }
.bars { display: flex; align-items: flex-end; gap: 3px; height: 3.5rem; padding: .3rem; border-radius: .5rem; background: var(--back) }
.bars i { flex: 1; max-width: 14px; border-radius: 2px 2px 0 0; background: var(--good) }
.bars i.late { background: var(--warn) }
form { display: flex; gap: .5rem }
form input { flex: 1; min-width: 0 }
.log { max-height: 8rem; overflow: auto; margin: .5rem 0 0; padding: 0; list-style: none; overflow-wrap: anywhere }
footer { padding: .5rem 0 1.5rem; color: var(--soft); font-size: .86rem }
`
