import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CommandFailure, usage } from './exit.ts'

/** Asks on the terminal. The question goes to standard error, so that the output stays clean. */
export async function ask(question: string): Promise<string> {
  return readLine(question, process.stderr)
}

/** Asks for a secret: what is typed is not shown. Throws wrong usage where nobody can answer. */
export async function askSecret(question: string): Promise<string> {
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  try {
    return await readLine('', silent)
  } finally {
    process.stderr.write('\n')
  }
}

/** Whether somebody sits at the terminal. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** The first line of standard input. */
export async function firstLineOfInput(): Promise<string> {
  process.stdin.setEncoding('utf8')
  let text = ''
  for await (const chunk of process.stdin) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text.split(/\r?\n/)[0] ?? ''
}

async function readLine(question: string, output: NodeJS.WritableStream): Promise<string> {
  if (!isInteractive()) throw usage('there is no terminal to ask on; give it as an option or in the environment')
  const lines = createInterface({ input: process.stdin, output, terminal: true })
  try {
    return await lines.question(question)
  } catch (cause) {
    throw new CommandFailure('cancelled', undefined, { cause })
  } finally {
    lines.close()
  }
}
