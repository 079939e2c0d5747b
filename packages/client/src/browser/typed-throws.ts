import { transferHandlers } from 'comlink';
import { TuttiError } from '@tutti/shared/errors';

/**
 * Lets the code and the remedy of an error cross from a worker to its page: by itself the library carries the message alone. To be
 * called in the worker, before anything is exposed.
 */
export function carryTypedThrows(): void {
  const handler = transferHandlers.get('throw');
  if (handler === undefined) return;
  transferHandlers.set('throw', {
    ...handler,
    serialize(thrown: { readonly value: unknown }) {
      const [serialized, transferables] = handler.serialize(thrown) as [
        { readonly isError: boolean; readonly value: object },
        Transferable[],
      ];
      const { value } = thrown;
      return value instanceof TuttiError
        ? [
            {
              ...serialized,
              value: { ...serialized.value, code: value.code, remedy: value.remedy },
            },
            transferables,
          ]
        : [serialized, transferables];
    },
  });
}
