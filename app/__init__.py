"""猎吧租车's back office, counter and phone pages. Imports point down, never up or sideways:

factory → cli → { blueprints | jobs | adapters } → web → runtime → usecases → db → queries → models → documents
→ ports → domain

`domain` holds the rules, `usecases` the acts (one transaction each), `queries` the reads, `blueprints` the screens,
`adapters` the outside world. `docs/architecture.md` tells the rest; `importlinter.ini` refuses anything else.
"""
