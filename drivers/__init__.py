"""What the hardware can do (`protocols`), how bytes reach it (`transport`), one file a device."""
