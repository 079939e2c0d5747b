import { z } from 'zod';
import type { CoordinatorEvent } from '../api/schemas.js';

/** Where traces go. */
export const tracesSettingsSchema = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .describe('Of a collector: OTLP over HTTP, `http://collector:4318/v1/traces`, say.'),
  service: z.string().min(1).max(100).default('tutti-coordinator').describe('The name of the service.'),
});

export type TracesSettings = z.output<typeof tracesSettingsSchema>;

/** Rounds on their way to a collector. */
export interface Traces {
  readonly follow: (event: CoordinatorEvent) => void;
  /** Sends what has not been sent yet, if anybody takes it. */
  close(): Promise<void>;
}

/** Milliseconds for which a collector is waited for. */
const PATIENCE = 5_000;

/** Sends traces of rounds to a collector (OpenTelemetry). What is needed for it is loaded here: a coordinator without traces has none of it in memory. */
export async function openTraces({ endpoint, service }: TracesSettings, version: string): Promise<Traces> {
  const [
    { BasicTracerProvider, BatchSpanProcessor },
    { OTLPTraceExporter },
    { resourceFromAttributes },
    own,
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('./round-traces.js'),
  ]);
  const exporter = new OTLPTraceExporter({ url: endpoint, timeoutMillis: PATIENCE });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const rounds = new own.RoundTraces(provider.getTracer('tutti'));
  return {
    follow: rounds.follow,
    close: async () => {
      rounds.close();
      // A collector that is not there must not keep a coordinator from stopping.
      await provider.shutdown().catch(() => undefined);
    },
  };
}
