import { useState } from 'preact/hooks';

/** Asks for an operator's token. It is kept for as long as the tab is open. */
export function SignIn({
  problem,
  signIn,
}: {
  readonly problem: string | undefined;
  readonly signIn: (token: string) => void;
}) {
  const [token, setToken] = useState('');
  return (
    <main class="sign-in">
      <h1>Tutti coordinator</h1>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') signIn(token.trim());
        }}
      >
        <label>
          Operator’s token
          <input
            type="password"
            name="token"
            autocomplete="current-password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <button type="submit">Sign in</button>
        {problem !== undefined && <p role="alert">{problem}</p>}
        <p class="quiet">
          Tokens are made by <code>tutti operator add</code>. This tab forgets it when it is closed.
        </p>
      </form>
    </main>
  );
}
