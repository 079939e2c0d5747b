import { fork } from 'node:child_process';

/** A party in a process of its own, that answers one question at a time. */
export class Party {
  #process;

  /**
   * @param program - a module of this folder that calls {@link answer}
   * @param variables - of its environment, besides this process's own
   */
  constructor(program, variables = {}) {
    this.#process = fork(new URL(program, import.meta.url), {
      serialization: 'advanced',
      execArgv: ['--expose-gc'],
      env: { ...process.env, ...variables },
    });
  }

  ask(question) {
    return new Promise((resolve, reject) => {
      const settle = () => this.#process.off('message', answered).off('exit', ended);
      const answered = ({ value, problem }) => {
        settle();
        if (problem === undefined) resolve(value);
        else reject(new Error(problem));
      };
      const ended = (code) => {
        settle();
        reject(new Error(`A party ended with exit code ${code}`));
      };
      this.#process.on('message', answered).on('exit', ended).send(question);
    });
  }

  close() {
    this.#process.disconnect();
  }
}

/** In the party's process: what to do with each question. */
export function answer(respond) {
  process.on('message', async (question) => {
    try {
      process.send({ value: await respond(question) });
    } catch (error) {
      process.send({ problem: error.stack });
    }
  });
}
