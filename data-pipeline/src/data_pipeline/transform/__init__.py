"""Second stage: from records to valid ones, and rejections that say why."""
