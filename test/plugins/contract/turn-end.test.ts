import { spawnSync } from 'node:child_process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { deferToTurnEnd, endTurnNow, type TurnEndTask } from '../../../plugins/contract/index.ts'
import { MOST_WAITING } from '../../../plugins/contract/turn-end.ts'

function task(run: () => void): TurnEndTask {
  return { atTurnEnd: run }
}

t.test('tasks run when the turn is over, in their order', async t => {
  const ran: number[] = []
  for (const number of [1, 2, 3]) deferToTurnEnd(task(() => ran.push(number)))
  await Promise.resolve()
  await new Promise<void>(resolve => process.nextTick(resolve))
  t.strictSame(ran, [])
  await nextTurn()
  t.strictSame(ran, [1, 2, 3])
})

t.test('many do not wait for each other', async t => {
  let ran = 0
  for (let i = 1; i < MOST_WAITING; i++) deferToTurnEnd(task(() => ran++))
  t.equal(ran, 0)
  deferToTurnEnd(task(() => ran++))
  t.equal(ran, MOST_WAITING)
  deferToTurnEnd(task(() => ran++))
  t.equal(ran, MOST_WAITING)
  await nextTurn()
  t.equal(ran, MOST_WAITING + 1)
})

t.test('whoever is about to keep the loop busy lets them go first', async t => {
  let ran = 0
  deferToTurnEnd(task(() => ran++))
  endTurnNow()
  t.equal(ran, 1)
  await nextTurn()
  t.equal(ran, 1)
})

t.test('what a task defers runs once, at the end of the next turn or of this one', async t => {
  const ran: string[] = []
  deferToTurnEnd(
    task(() => {
      ran.push('first')
      for (let i = 0; i <= MOST_WAITING; i++) deferToTurnEnd(task(() => ran.push('later')))
    }),
  )
  deferToTurnEnd(task(() => ran.push('second')))
  await nextTurn()
  await nextTurn()
  t.equal(ran.filter(each => each === 'first').length, 1)
  t.equal(ran.filter(each => each === 'second').length, 1)
  t.equal(ran.filter(each => each === 'later').length, MOST_WAITING + 1)
})

t.test('a task that throws stops no other, and its error is told by itself', async t => {
  const code = `
    import { deferToTurnEnd, endTurnNow } from ${JSON.stringify(new URL('../../../plugins/contract/index.ts', import.meta.url).href)}
    process.on('uncaughtException', error => console.log(error.message))
    deferToTurnEnd({ atTurnEnd: () => console.log('before') })
    deferToTurnEnd({ atTurnEnd: () => { throw new Error('mine') } })
    deferToTurnEnd({ atTurnEnd: () => console.log('behind') })
    endTurnNow()
    console.log('caller')`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
  t.equal(stdout, 'before\nbehind\ncaller\nmine\n')
})
