"""Raw and sifted clicks, and the estimate, to a key-distillation stack: docs/key-handover.md."""
