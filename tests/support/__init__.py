"""What tests share: servers, processes, generated campaigns, imitations."""
