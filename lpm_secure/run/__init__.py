"""What a run does and leaves behind: jobs, processes, folder, report."""
