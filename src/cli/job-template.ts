/** The commented job file that `waybill init` writes. */
export const jobTemplate = (from: string, to: string): string => `\
# yaml-language-server: $schema=./node_modules/waybill/dist/config/waybill.schema.json
# A Waybill job. Look first: waybill plan.  Then: waybill run.
# Relative paths start at this file's folder.

shipments:
  - from: ${quoted(from)}
    to: ${quoted(to)}
    # Options of a driver stand beside its address (waybill connectors SCHEME lists them); secrets are references:
    # to:
    #   address: ${to}
    #   password: \${env:PGPASSWORD}       # or \${file:/run/secrets/db}

    into: empty             # empty: refuse if the target holds anything | append | replace | merge
    strategy: full          # full | incremental: only what is new or changed
    verify: digests         # counts | digests | every-byte
    # deletions: true       # incremental: remove at the target what the source no longer has
    # backup: ./backup      # keeps what the run replaces; waybill restore RUN puts it back
    # include: ["*"]
    # exclude: ["log_*"]
    # chunk: 64MiB          # unit of retry and resume
    # limit: 50MB/s         # most bytes read per second

# workers: 2                # how many chunks move at once
# maxQuarantine: 0          # rows or entries that may be left out, each named in the bill
`;

const quoted = (text: string): string => (/^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text));
