"""A WeChat of our own for demo and tests: the same protocols with real signatures, its own books, and faults on demand.

It is a process of its own and shares no code with the application, so that neither can hide the other's mistakes.

    __main__ → server → web → { oauth official_account pay_api bill_api bridge handles control }   HTTP in, HTTP out
                              { trades refunds bills notices handmade people credentials faults }  what WeChat does
                              notifier → delivery                                                  what WeChat sends
                              world: keys clock store signing
"""
