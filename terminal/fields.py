"""Types of message fields, each with how it lies in a record."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

I64 = Annotated[int, "q"]
U32 = Annotated[int, "I"]
I16 = Annotated[int, "h"]
U16 = Annotated[int, "H"]
U8 = Annotated[int, "B"]
F64 = Annotated[float, "d"]
F32 = Annotated[float, "f"]
F64s = Annotated[NDArray[np.float64], "<f8"]
I64s = Annotated[NDArray[np.int64], "<i8"]
U8s = Annotated[NDArray[np.uint8], "|u1"]

NO_I64S: NDArray[np.int64] = np.empty(0, dtype=np.int64)
NO_U8S: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
NO_F64S: NDArray[np.float64] = np.empty(0)
NO_COUNTS: NDArray[np.float64] = np.zeros(16)
NO_DELAYS: NDArray[np.float64] = np.zeros(4)
NO_SLOTS: NDArray[np.int64] = np.zeros(3, np.int64)
NO_SIFTED: NDArray[np.int64] = np.zeros(30, np.int64)
NO_GAINS: NDArray[np.float64] = np.full(6, np.nan)
