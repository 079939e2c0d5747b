export function assemble(wat: string): Promise<string>;
