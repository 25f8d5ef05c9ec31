import { ExpressionFault } from './grammar.ts'
import { readTokens, type Sign, type Token } from './read-tokens.ts'

/** Takes one token after the other; whatever is not as wanted is an `ExpressionFault` at its place. */
export class TokenReader {
  readonly #tokens: readonly Token[]
  readonly #length: number
  #at = 0

  constructor(text: string) {
    this.#tokens = readTokens(text)
    this.#length = text.length
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  /** The next token, which stays; undefined at the end. */
  peek(): Token | undefined {
    return this.#tokens[this.#at]
  }

  /** `wanted` says in a message what the text lacks when it ends here. */
  next(wanted: string, expected?: string): Token {
    const token = this.peek()
    if (token === undefined)
      throw new ExpressionFault(`ends where ${wanted} should be`, {
        position: this.#length + 1,
        ...(expected !== undefined && { expected }),
      })
    this.#at += 1
    return token
  }

  /** Takes the next token when it is this keyword. */
  takes(word: string): boolean {
    const isNext = isKeyword(this.peek(), word)
    if (isNext) this.#at += 1
    return isNext
  }

  /** The next token must be this sign. */
  sign(sign: Sign): void {
    const token = this.next(sign)
    if (!isSign(token, sign)) throw faultAt(token, `needs ${sign} before ${shown(token)}`)
  }

  boolean(): boolean {
    const token = this.next('true or false')
    if (isKeyword(token, 'true')) return true
    if (isKeyword(token, 'false')) return false
    throw faultAt(token, `needs true or false in place of ${shown(token)}`)
  }
}

/** Whether this is a keyword, in any case. */
export function isKeyword(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toLowerCase() === word
}

export function isSign(token: Token | undefined, sign: Sign): boolean {
  return token?.kind === 'sign' && token.text === sign
}

/** A token in the words of a message; what a string holds is not repeated. */
export function shown(token: Token): string {
  return token.kind === 'string' ? 'a string' : token.text.slice(0, 60)
}

export function faultAt(token: Token, problem: string, expected?: string): ExpressionFault {
  return new ExpressionFault(problem, { position: token.at + 1, ...(expected !== undefined && { expected }) })
}
