"""The fields of a process: velocity, score, denoisers and drifts, whichever of them were learned."""
