"""Stage 2: learns who is about to leave, scores everybody, says why.

Receives the customers' frame; leaves behind ModelVersions, ScoringRuns and their Scores. Reading order: ``learning/``
(the engine, plain Python), ``models.py``, ``services.py``.
"""
