import { Interruption } from '../failure.js';

/** Asks a person at a terminal. */
export interface Ask {
  text(
    question: string,
    options?: { initial?: string; validate?: (answer: string) => string | undefined },
  ): Promise<string>;
  secret(question: string): Promise<string>;
  confirm(question: string): Promise<boolean>;
}

/** Asks on the terminal of this process. Undefined where there is none: then everything has to be said in flags. */
export async function terminalAsk(): Promise<Ask | undefined> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  const { confirm, isCancel, password, text } = await import('@clack/prompts');
  const answered = <T>(answer: T): Exclude<T, symbol> => {
    if (isCancel(answer)) throw new Interruption();
    return answer as Exclude<T, symbol>;
  };
  return {
    text: async (message, { initial, validate } = {}) =>
      answered(
        await text({
          message,
          ...(initial !== undefined && { initialValue: initial }),
          validate: (answer) => validate?.(answer ?? ''),
        }),
      ),
    secret: async (message) => answered(await password({ message })),
    confirm: async (message) => answered(await confirm({ message })),
  };
}
